"""The route of one run: declare, adopt, plan, stage, wire, render, intend, submit, watch, settle.

One module an arrow. The route speaks to the orchestrator through the port `Step` alone, so that the very same code runs
under Dagster, from the command line and in virtual time.
"""
