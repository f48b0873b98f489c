"""D-RISE: which pixels make a detector find an object, and find it there.

outputs of a detector -> forms -> Proposals -> similarity to a detection -> RISE of fastxai.models
"""

from fastxai.detection.drise import DRISE
from fastxai.detection.forms import FORMS, Detection

__all__ = ["DRISE", "FORMS", "Detection"]
