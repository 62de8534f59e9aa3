"""The real servers that the demo and the tests run: each module starts one and stops it again."""
