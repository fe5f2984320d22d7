"""Every team's definitions together, so that `dg check defs` and `dg list defs` work at the root. Nothing runs from here."""
