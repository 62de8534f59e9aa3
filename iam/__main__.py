"""`python -m iam`: the command line, for who has no `habilis` on his PATH."""

from iam.cli import main

if __name__ == "__main__":
    main()
