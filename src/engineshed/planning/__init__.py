"""Pure planning: offers, history and objectives in; a ranked plan with reasons out. No clock, no file, no network."""
