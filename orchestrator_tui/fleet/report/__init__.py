"""The after-action report: what was spent, what went wrong, who noticed when, what decisions changed. Pure."""
