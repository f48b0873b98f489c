"""Mirrors mindspore_xai's import path of the simulator of tables."""

from fastxai.compat.unavailable import not_available

__all__ = ["ColDigest", "CsvTabDigest", "CsvTabWriter", "TabDigest", "TabSim", "TabWriter"]

ColDigest = not_available("ColDigest")
CsvTabDigest = not_available("CsvTabDigest")
CsvTabWriter = not_available("CsvTabWriter")
TabDigest = not_available("TabDigest")
TabSim = not_available("TabSim")
TabWriter = not_available("TabWriter")
