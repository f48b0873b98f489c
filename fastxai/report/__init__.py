"""The HTML report of explanations: one file that needs no network.

    Report (model) -> page: JSON, float32 maps and pictures in a jinja2 template -> HTML

A page holds everything of one picture or of a few. `fastxai.report.page.render` says what is in it.
"""
