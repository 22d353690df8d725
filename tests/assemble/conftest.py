from parts.launch import launch_folder, write_conf

__all__ = ["launch_folder", "write_conf"]
