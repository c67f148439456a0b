"""What do we want? From the files of a commit to Kubernetes objects.

`Renderer` is the way in. The work is done by `engine/`, a Go program around the libraries of kubectl, kustomize and
helm, in a pool of confined worker processes.
"""

from controller.render.directory import DirectoryTree
from controller.render.errors import EngineError, RenderError
from controller.render.locate import locate_engine
from controller.render.pool import EnginePool
from controller.render.renderer import Renderer
from controller.render.request import Helm, Hook, Limits, Plain, Rendered, RenderedObject, RenderRequest, Variables
from controller.render.tree import Entry, Tree

__all__ = [
    "DirectoryTree",
    "EngineError",
    "EnginePool",
    "Entry",
    "Helm",
    "Hook",
    "Limits",
    "Plain",
    "RenderError",
    "RenderRequest",
    "Rendered",
    "RenderedObject",
    "Renderer",
    "Tree",
    "Variables",
    "locate_engine",
]
