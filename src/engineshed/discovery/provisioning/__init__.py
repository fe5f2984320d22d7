"""The provisioner: the one owner of what each team's namespace needs of the platform.

Code servers and run pods live in the teams' namespaces and need the instance settings, the platform's settings, the
database password and the sizes of the nodes there. One process writes and refreshes all of it, wherever a namespace is
labelled and has granted the right; it touches nothing that another made.
"""
