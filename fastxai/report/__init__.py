"""The HTML report of explanations: one file that needs no network.

    Report (model) -> page: JSON, float32 maps and pictures in a jinja2 template -> HTML

A page holds everything of one picture or of a few (`page.render`). Where there are more, each is a
script beside the page, which loads it when the picture is looked at (`files.write_report`).
"""
