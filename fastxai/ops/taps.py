"""`fastxai.ops.bilinear` under its former name."""

import sys

from fastxai.ops import bilinear

sys.modules[__name__] = bilinear
