"""On how many training inputs are the ranges of 8-bit activations found?"""

from nas.errors import ConfigError

DEFAULT_IMAGES = 256


def check_count(calibration_images: int) -> None:
    """Refuse a number of inputs on which no range can be found.

    Raises:
        ConfigError: it is below 1.
    """
    if calibration_images < 1:
        raise ConfigError(
            f"calibration_images must be 1 or more, but got {calibration_images}; 64 to 1024 are "
            "usual"
        )
