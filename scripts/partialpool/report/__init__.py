"""The report: its tables, captions, equations and page."""
