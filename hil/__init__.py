"""The harness: opens a rig, gives tests their nodes, runs suites, keeps evidence and reports."""

__version__ = "0.1.0"
