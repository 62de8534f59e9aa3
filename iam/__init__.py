"""The access-management service: who may act for which enterprise, on which basis, until when."""
