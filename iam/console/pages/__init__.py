"""The pages of people, one module a topic: each has a `router`; `iam.console.site` collects them."""
