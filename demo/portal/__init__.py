"""The sample portal: a relying portal that uses only public protocol and the client library."""
