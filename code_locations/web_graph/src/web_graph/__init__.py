"""The web graph: who links to whom among companies' web pages."""
