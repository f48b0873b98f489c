"""A contender that talks, as libraries do."""

import os
import sys

from bench.common.processes import serve


class Talking:
    def __init__(self):
        print("a library that talks")

    def ready(self):
        return {"variable": os.environ.get("FASTXAI_TEST")}

    def run(self):
        if "--fail" in sys.argv:
            raise ValueError("as was asked for")
        print("still talking")
        return {"seconds": 1.5}


if __name__ == "__main__":
    serve(Talking)
