"""A report of random maps, and what a reader of its file finds in it."""

import json
import re

import numpy as np
from PIL import Image

from fastxai.report.model import Report, ReportEntry, ReportMap

HOSTILE = "</script><script>window.broken=1</script>\u2028<img src=x onerror=window.broken=1>&amp;"


def a_map(number, height=6, width=9, **facts):
    """A map with a standard error, of the class `number`."""
    rng = np.random.default_rng(number)
    values = rng.standard_normal((height, width)).astype(np.float32)
    error = rng.random((height, width), np.float32)
    facts = {"probability": 0.1 * number, "correlation": 0.9, "settings": {"seed": 7}, **facts}
    return ReportMap("rise", number, values, standard_error=error, **facts)


CURVES = {
    "deletion": [0.875, 0.5, 0.25, 0.125, 0.0625],
    "insertion": [0.0625, 0.5, 0.75, 0.875, 0.875],
}


def a_report(count=1, name="cat {}.jpg", class_name="class {}"):
    """A report of pictures, the second and fourth of which are predicted wrong."""
    entries = []
    for number in range(1, count + 1):
        photograph = Image.new("RGB", (90, 60), (40 * number % 256, 90, 120))
        maps = [a_map(number, class_name=class_name.format(number))]
        label = number + 1 - number % 2
        box = (15.0, 0.0, 75.0, 60.0)
        entries.append(
            ReportEntry(name.format(number), photograph, box, maps, predicted=number, label=label)
        )
    return Report("Cats", [("network", "resnet50"), ("seed", "7")], entries)


def content_of(page):
    """What the page's script reads, the details of every picture with its facts."""
    pattern = r'<script type="application/json" id="content">(.*?)</script>'
    content = json.loads(re.search(pattern, page.decode(), re.DOTALL).group(1))
    pattern = r'<script type="application/json" class="details">(.*?)</script>'
    embedded = re.findall(pattern, page.decode(), re.DOTALL)
    for entry, text in zip(content["entries"], embedded, strict=False):
        details = json.loads(text)
        entry["photograph"] = details["photograph"]
        for facts, arrays in zip(entry["maps"], details["maps"], strict=True):
            facts.update(arrays)
    return content
