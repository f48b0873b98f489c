"""`fastxai.ops.mindspore_primitives` under its former name."""

import sys

from fastxai.ops import mindspore_primitives

sys.modules[__name__] = mindspore_primitives
