"""A worker that talks before it answers."""

import os

from bench.common.processes import work


def answer(options):
    print("a library that talks")
    if "fail" in options:
        raise ValueError("as was asked for")
    return {
        "options": vars(options),
        "variable": os.environ.get("FASTXAI_TEST"),
        "home": os.environ.get("HOME"),
    }


if __name__ == "__main__":
    work(answer)
