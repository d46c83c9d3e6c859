"""The page: one view, and what lets browsers load its modules without a build step."""
