from matplotlib.figure import Figure

from nas.report.style import save_for_paper


def test_a_picture_for_paper_is_a_png_and_an_svg_that_is_the_same_each_time(tmp_path):
    figure = Figure()
    figure.add_subplot().plot([1, 2], [3, 4])

    save_for_paper(figure, tmp_path / "a.png")
    save_for_paper(figure, tmp_path / "b.png")

    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert b"</svg>" in (tmp_path / "a.svg").read_bytes()
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
