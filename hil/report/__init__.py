"""Views of a run, each made from its journal alone: report.html, junit.xml and results.json."""
