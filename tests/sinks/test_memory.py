from maskcam.sinks.memory import MemorySink
from tests.factories import make_image, make_result


def test_keeps_results_and_pictures() -> None:
    result, picture = make_result(), make_image()
    with MemorySink() as sink:
        assert not sink.wants_picture(result)
        sink.write(result, None)
        sink.write(result, picture)
        assert not sink.closed
    assert sink.results == [result, result]
    assert sink.pictures[0] is None
    assert sink.pictures[1] is picture
    assert sink.closed


def test_asks_for_pictures() -> None:
    assert MemorySink(pictures=True).wants_picture(make_result())
