"""The mailbox keeps what it caught: privately, newest first, so many and no more."""

import itertools
from email.message import EmailMessage

from demo.mailbox.app import linked
from demo.mailbox.store import Store
from demo.mailbox.words import LANGUAGES, WORDS


def octets(subject="Objet", text="Bonjour\n"):
    mail = EmailMessage()
    mail["Subject"] = subject
    mail.set_content(text)
    return mail.as_bytes()


def store(folder, most=1000):
    return Store(folder, most=most, now=itertools.count(1_795_000_000_000_000_000, 10**9).__next__)


def test_the_newest_comes_first_and_each_box_has_its_own(tmp_path):
    one = store(tmp_path)
    one.add(["karim@exemple.be"], octets("un"))
    one.add(["luc@exemple.be"], octets("deux"))
    one.add(["Karim@Exemple.be"], octets("trois"))

    assert [mail.subject for mail in one.all()] == ["trois", "deux", "un"]
    assert [mail.subject for mail in one.to("karim@exemple.be")] == ["trois", "un"]


def test_files_are_private_and_are_found_again(tmp_path):
    added = store(tmp_path / "mails").add(["karim@exemple.be"], octets("Accepté"))

    assert (tmp_path / "mails").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "mails").iterdir()} == {0o600}
    assert store(tmp_path / "mails").find(added.id).document() == added.document()


def test_the_oldest_give_way(tmp_path):
    one = store(tmp_path, most=3)
    for number in range(5):
        one.add(["karim@exemple.be"], octets(str(number)))

    assert [mail.subject for mail in one.all()] == ["4", "3", "2"]
    assert len(list(tmp_path.iterdir())) == 3


def test_an_id_cannot_name_another_file(tmp_path):
    assert store(tmp_path).find("../../etc/passwd") is None


def test_addresses_become_links_and_words_stay_words():
    text = 'a http://127.0.0.1:1/x?a=1&b=2 <script>"x"'

    assert linked(text) == (
        'a <a href="http://127.0.0.1:1/x?a=1&amp;b=2">http://127.0.0.1:1/x?a=1&amp;b=2</a>'
        " &lt;script&gt;&#34;x&#34;"
    )


def test_the_mailbox_speaks_four_languages():
    french = WORDS["fr"]

    for language in LANGUAGES:
        words = WORDS[language]
        assert words.keys() == french.keys()
        for name, sentence in words.items():
            assert sentence
            assert {p for p in ("{n}", "{name}", "{address}") if p in sentence} == {
                p for p in ("{n}", "{name}", "{address}") if p in french[name]
            }
            # "message" is the same word in English
            if language != "fr" and (language, name) not in {("en", "one"), ("en", "many")}:
                assert sentence != french[name], (language, name)
