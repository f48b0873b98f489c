"""`fastxai.ops.mindspore_operators` under its former name."""

import sys

from fastxai.ops import mindspore_operators

sys.modules[__name__] = mindspore_operators
