"""Mode `execute`: bootstrap actions, steps and YARN containers as real processes of this machine."""
