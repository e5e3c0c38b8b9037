"""A comparison to take along: one page that needs no network, and its pairs as a table for other programs."""

from core.report.files import write_report, write_table
from core.report.page import About, about, html_report

__all__ = ["About", "about", "html_report", "write_report", "write_table"]
