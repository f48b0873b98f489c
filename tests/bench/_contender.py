"""A contender that talks, as libraries do."""

import os

from bench.common.processes import serve


class Talking:
    def __init__(self, options):
        self.fails = "fail" in options
        print("a library that talks")

    def ready(self):
        return {"variable": os.environ.get("FASTXAI_TEST")}

    def run(self):
        if self.fails:
            raise ValueError("as was asked for")
        print("still talking")
        return {"seconds": 1.5}


if __name__ == "__main__":
    serve(Talking)
