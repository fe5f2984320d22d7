"""The nouns of engineshed: frozen values, standard library only, no I/O.

Every other floor speaks in these words. A module here may import its neighbours on this floor and nothing else of ours;
it never reads a clock, a file, an environment variable or a network.
"""
