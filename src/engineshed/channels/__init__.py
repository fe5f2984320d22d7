"""The orchestration side of each transport: context out, messages back, nothing lost."""
