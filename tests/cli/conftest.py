from parts.command import nas, table_words
from parts.launch import launch_folder

__all__ = ["launch_folder", "nas", "table_words"]
