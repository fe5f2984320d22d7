"""Supervised processes: the small platform on which engines of this machine run.

A run is a process of its own that outlives its launcher. One folder a token holds all that launcher, supervisor and
watchers say to one another, so any of them may die and another goes on from the files. Only the standard library is
imported here, except by `engine` and `settings`, which orchestration alone loads.
"""
