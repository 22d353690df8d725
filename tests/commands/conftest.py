from parts.command import folder_of_a_table_run, nas, table_run, table_words
from parts.launch import launch_folder

__all__ = ["folder_of_a_table_run", "launch_folder", "nas", "table_run", "table_words"]
