"""The registry of companies: publishes the seed list that others consume."""
