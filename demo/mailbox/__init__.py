"""The mail catcher of the demo: takes every mail on loopback, lets nothing out, shows one box per persona."""
