"""Every team's definitions together, for `dg check defs` and `dg list defs` at the root. Nothing runs from here."""
