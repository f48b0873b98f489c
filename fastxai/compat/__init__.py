"""Scripts written for mindspore_xai, run on fastxai without a change.

`install` lets `import mindspore_xai` find fastxai; `restore_mindspore` brings back import paths
that MindSpore 2.x dropped. `python -m fastxai run script.py` does both.
"""

from fastxai.compat.mindspore1 import restore_mindspore
from fastxai.compat.peer import install, uninstall

__all__ = ["install", "restore_mindspore", "uninstall"]
