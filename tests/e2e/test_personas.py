"""Each persona follows the page's next step until the act succeeds, or the page names who must act (step 11)."""

import re

import pytest

from demo.wallonia.source import dotted
from tests.support.steps import (
    NUMBERS,
    Wording,
    add_enterprise,
    appoint_oneself,
    fill_request,
    forms,
    in_language,
    main_text,
    send_request,
    take_role,
)

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120, func_only=True)]

GRANT_FORM = "Demander une prime à l’investissement"


def open_portal(visitor, name: str) -> None:
    """From the enterprise's page to the portal, which says for whom one acts."""
    visitor.click(GRANT_FORM, "link")
    visitor.page.wait_for_url(re.compile(re.escape(visitor.world.urls["portal"])))
    visitor.sees("Vous agissez pour :")
    visitor.sees(name)
    visitor.sees("Un rôle accordé par un gestionnaire d’accès de l’entreprise")


def test_sophie_has_no_enterprise_and_is_shown_the_way_to_one(person):
    sophie = person("sophie")
    sophie.login("/", "itsme")
    sophie.sees("Vous n'avez pas encore d'entreprise ici")
    sophie.click("Espace Professionnel", "link")
    sophie.sees("Vos entreprises apparaissent ici")
    sophie.click("Ajouter une entreprise", "link")
    assert sophie.heading == "Ajouter une entreprise"
    # for herself she needs none: the portal opens with a citizen's token
    sophie.goto("/citizen")
    sophie.click("Demander une prime énergie", "link")
    sophie.sees("Vous agissez pour vous-même.")
    sophie.page.get_by_label("Objet de la demande").fill("Isoler le toit")
    sophie.click("Envoyer la demande")
    sophie.sees("Votre demande est envoyée")


def test_marc_sees_both_his_enterprises_each_with_its_next_step(person):
    marc = person("marc")
    marc.login("/enterprises")
    cards = marc.page.locator("main a[href^='/enterprises/19']").all_inner_texts()
    assert cards == ["Lejeune Immo", "Lejeune Toitures"]
    for key in ("lejeune-immo", "lejeune-toitures"):
        assert marc.page.locator(f"main a[href='/represent/{NUMBERS[key]}']").count() == 1
    marc.click("Lejeune Toitures", "link", exact=True)
    marc.sees("Vous représentez l'entreprise. Votre fonction à la BCE : Administrateur.")
    assert dotted(NUMBERS["lejeune-toitures"]) in marc.page.locator(".hb-context").inner_text()
    marc.click("Désigner un gestionnaire d'accès (GAP)", "link")
    assert {"Me désigner", "Désigner une autre personne"} <= set(
        marc.page.locator("main a.ds-button").all_inner_texts()
    )
    # two tabs on two enterprises stay two
    second = marc.context.new_page()
    second.goto(f"{marc.world.urls['monEspace']}/enterprises/{NUMBERS['lejeune-immo']}")
    marc.page.reload()
    assert "Lejeune Toitures" in marc.page.locator(".hb-context").inner_text()
    assert "Lejeune Immo" in second.locator(".hb-context").inner_text()


def test_anne_represents_without_a_role_and_asks_the_manager(person):
    anne = person("anne")
    anne.login("/enterprises")
    anne.click("Imprimerie Servais SA", "link", exact=True)
    anne.sees("Vous représentez l'entreprise.")
    anne.sees("Vous n'avez pas de rôle en cours pour cette entreprise.")
    anne.sees("L'entreprise a un gestionnaire d'accès principal (GAP).")
    anne.click("Demander un rôle", "link")
    fill_request(anne)
    path = send_request(anne)
    anne.sees("Il reste une chose à faire : confirmer votre adresse")
    anne.open_mail("Confirmez votre adresse pour envoyer votre demande")
    anne.sees("Votre adresse est confirmée")
    anne.goto(path)
    anne.sees("La personne qui gère les accès de l'entreprise")
    # she may also take it into her own hands
    anne.goto(f"/represent/{NUMBERS['servais']}")
    anne.sees("Remplacer le GAP")


def test_paul_manages_the_accesses_and_gives_himself_a_role_that_is_flagged(person):
    paul = person("paul")
    paul.login("/enterprises")
    paul.click("Imprimerie Servais SA", "link", exact=True)
    paul.sees("Vous êtes gestionnaire d'accès principal (GAP)")
    paul.click("Me donner un rôle", "link")
    paul.sees("Confirmez d'abord votre adresse e-mail professionnelle")
    paul.sees("Signature des déclarations d'aides")  # which takes two people
    paul.click("Confirmer mon adresse", "link")
    paul.click("Envoyer un nouveau lien")
    paul.sees("Un lien est en route vers paul@exemple.be")
    paul.open_mail("Confirmez votre adresse e-mail")
    paul.sees("Votre adresse est confirmée")
    paul.goto(f"/desk/{NUMBERS['servais']}")
    take_role(paul)
    paul.goto(f"/desk/{NUMBERS['servais']}/people")
    paul.sees("(donné à soi-même)")
    paul.goto(f"/enterprises/{NUMBERS['servais']}")
    paul.sees("Paul Renard, gestionnaire d'accès principal (GAP), s'est donné ce rôle")
    open_portal(paul, "Imprimerie Servais SA")


@pytest.mark.parametrize(
    ("key", "enterprise", "name", "basis"),
    [
        ("nadia", "haddad", "Haddad, Nadia", "C'est votre propre entreprise : vous la représentez."),
        ("pierre", "collard", "Les Amis du Vieux Moulin", "Votre fonction à la BCE : Président."),
        ("isabelle", "valmont", "Commune de Valmont", "Votre fonction à la BCE : Directeur général."),
    ],
    ids=["nadia-independent", "pierre-asbl", "isabelle-commune"],
)
def test_who_represents_becomes_manager_and_takes_a_role(person, key, enterprise, name, basis):
    someone = person(key)
    someone.login("/enterprises", "itsme")
    assert basis in main_text(someone)
    appoint_oneself(someone, enterprise)
    someone.open_mail("Vous gérez les accès d'une entreprise")
    someone.sees("Votre adresse e-mail est confirmée.")
    take_role(someone)
    someone.sees("s'est donné ce rôle")
    someone.click("Voir mes accès pour cette entreprise", "link")
    open_portal(someone, name)


def test_katrin_in_eupen_works_in_german_throughout(person):
    katrin, de = person("katrin", language="de"), Wording("de")
    katrin.goto("/enterprises")
    assert katrin.page.locator("html").get_attribute("lang") == "de", "the login speaks German too"
    katrin.choose("eid")
    assert katrin.heading == de("Mes entreprises") != "Mes entreprises"
    katrin.click("Holzbau Schumacher", "link", exact=True)
    katrin.click(de("Me donner un rôle"), "link")
    katrin.click(de("Confirmer mon adresse"), "link")
    katrin.click(de("Envoyer un nouveau lien"))
    katrin.sees("katrin@exemple.be")
    katrin.open_mail(de("Confirmez votre adresse e-mail"))
    katrin.sees(de("Votre adresse est confirmée"))
    katrin.goto(f"/desk/{NUMBERS['schumacher']}")
    take_role(katrin, words=de)
    sentence = main_text(katrin)
    assert "Anträge auf Investitionsprämien einreichen und verfolgen" in sentence
    assert "Holzbau Schumacher" in sentence
    assert " peut " not in sentence
    assert katrin.page.locator("html").get_attribute("lang") == "de"
    katrin.goto(f"/enterprises/{NUMBERS['schumacher']}")
    katrin.click("Eine Investitionsprämie beantragen", "link")
    katrin.page.wait_for_url(re.compile(re.escape(katrin.world.urls["portal"])))
    katrin.sees("Holzbau Schumacher")
    assert katrin.page.locator("html").get_attribute("lang") == "de"
    received = [mail for mail in katrin.world.mails("katrin") if mail["language"] != "de"]
    assert received == []


def test_vincent_the_curator_names_the_manager(person):
    vincent = person("vincent")
    vincent.login("/enterprises")
    vincent.sees("Garage Masson")
    assert "Ouverture de faillite" in main_text(vincent)
    appoint_oneself(vincent, "masson")
    vincent.click("Gérer les accès de l'entreprise", "link")
    assert vincent.heading == "Gérer les accès de l'entreprise"


def test_thierry_is_told_why_his_function_does_not_count_and_who_may_act(person):
    thierry = person("thierry")
    thierry.login("/enterprises")
    thierry.click("Garage Masson", "link", exact=True)
    thierry.sees("Elle ne permet pas d'agir en ce moment.")
    thierry.click("Représentation", "link")
    thierry.sees("D'après la BCE, votre fonction ne permet pas de représenter l'entreprise en ce moment.")
    thierry.sees("Le curateur, le liquidateur ou l'administrateur provisoire peut désigner un GAP ici")
    assert thierry.page.get_by_role("link", name="Me désigner").count() == 0
    # nor by the address of the form
    thierry.goto(f"/represent/{NUMBERS['masson']}/appoint/me")
    assert thierry.page.get_by_label("Votre adresse e-mail professionnelle").count() == 0
    thierry.sees("Le curateur, le liquidateur ou l'administrateur provisoire peut désigner un GAP ici")


def test_olivier_is_told_that_his_enterprise_has_ceased_and_who_can_correct_it(person):
    olivier = person("olivier")
    olivier.login("/enterprises")
    in_language(olivier, "fr")
    olivier.sees("A cessé")
    olivier.click("Boulangerie Noël", "link", exact=True)
    olivier.sees("D'après la Banque-Carrefour des Entreprises (BCE), cette entreprise a cessé.")
    olivier.sees("Un guichet d'entreprises ou le greffe peut vous aider.")
    assert olivier.page.get_by_role("link", name="Demander un rôle").count() == 0
    olivier.click("Représentation", "link")
    olivier.sees("D'après la Banque-Carrefour des Entreprises (BCE), cette entreprise a cessé.")
    assert "curateur" not in main_text(olivier)
    assert olivier.page.get_by_role("link", name="Me désigner").count() == 0


def test_emma_waits_and_the_pages_name_who_must_act(person):
    emma, nl = person("emma", language="nl"), Wording("nl")
    emma.login("/enterprises", "itsme")
    add_enterprise(emma, "vesdre", words=nl)
    emma.sees("Wij kennen niemand die deze onderneming online kan vertegenwoordigen.")
    fill_request(emma, nl)
    path = send_request(emma, nl)
    emma.open_mail(nl("Confirmez votre adresse pour envoyer votre demande"), "itsme")
    emma.goto(path)
    emma.sees(nl("Faire avancer votre demande"))
    assert (
        f"/represent?enterprise={NUMBERS['vesdre']}"
        in emma.page.get_by_label(nl("Texte à transmettre")).input_value()
    )
    emma.goto(f"/enterprises/{NUMBERS['vesdre']}")
    emma.sees("Wij kennen niemand die deze onderneming online kan vertegenwoordigen.")
    emma.click(nl("Parler à quelqu'un"), "link")
    emma.sees("081 00 00 00")

    # what she tells on the telephone is enough for the helpdesk to see why
    reference = (
        emma.goto(path).locator(".hb-reference, dd").filter(has_text=re.compile(r"^\w{4}-\w{4}$")).first
    )
    told = reference.inner_text()
    hugo = person("hugo", language="nl")
    hugo.login("/helpdesk")
    hugo.page.get_by_label(nl("Numéro d'entreprise ou référence d'une demande")).fill(told)
    hugo.click(nl("Chercher"))
    hugo.sees("Emma Jacobs")
    hugo.sees(
        nl(
            "L'entreprise n'a pas de GAP, et la BCE ne nous donne personne qui puisse en désigner un seul. "
            "Il faut un document qui montre qui représente l'entreprise."
        )
    )
    assert forms(hugo) == []


def test_hugo_of_the_helpdesk_sees_and_changes_nothing(person):
    hugo, nl = person("hugo", language="nl"), Wording("nl")
    hugo.login("/")
    hugo.click(nl("Service d'aide"), "link")
    assert forms(hugo) == ["get /helpdesk"]
    hugo.page.get_by_label(nl("Numéro d'entreprise ou référence d'une demande")).fill(
        dotted(NUMBERS["chorale"])
    )
    hugo.click(nl("Chercher"))
    hugo.page.get_by_role("heading", level=1, name="Chorale Sainte-Cécile de Floreffe").wait_for()
    hugo.sees(nl("Ce qui bloque"))
    assert forms(hugo) == []
    # the pages of the enterprise itself are not his
    for path in (f"/enterprises/{NUMBERS['chorale']}", f"/desk/{NUMBERS['chorale']}"):
        answer = hugo.page.goto(hugo.world.urls["monEspace"] + path)
        assert answer is not None
        assert answer.status == 404


def test_claire_follows_the_one_time_link_and_operates_the_service(person):
    claire = person("claire")
    link = claire.world.persona("claire")["url"]
    claire.goto(link)
    claire.choose("itsme")
    claire.sees("Pour ceci, il faut vous connecter avec la carte d'identité électronique (eID).")
    claire.click("Se connecter de nouveau", "link")
    claire.choose("eid")
    claire.click("Devenir opérateur")
    claire.sees("Vous êtes le premier opérateur du service")
    claire.click("Gérer les accès de l'entreprise", "link")
    assert claire.heading == "Gérer les accès de l'entreprise"
    # it works once
    claire.login(link)
    assert claire.page.get_by_role("button", name="Devenir opérateur").count() == 0
    claire.sees("habilis bootstrap")
