from ..outside.installed import acme

__all__ = ["acme"]
