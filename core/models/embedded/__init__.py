"""Models that need no key: small learners that know only their prompt. Not large language models."""
