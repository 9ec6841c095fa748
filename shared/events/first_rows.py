"""Which row of a file has a phone number first, for files of millions of rows."""

from array import array
from collections.abc import Iterable, Sequence

_FEWEST_SLOTS = 1024  # a power of two, as every size
_FREE = 0


class FirstRows:
    """The numbers that were seen, each with the row (from 1) that owns it.

    A dict would take some 100 bytes a number. This is a hash table of two arrays, which takes 24 to
    48, so that a million numbers fit into the smallest function. A number stands in the slot that
    its hash names, or in the next one that is free (Knuth, The Art of Computer Programming, 6.4).
    Python's hash of a text is another in each process: no file can be made of numbers that all want
    the same slot.
    """

    def __init__(self) -> None:
        self._numbers = array("Q", bytes(8 * _FEWEST_SLOTS))
        self._rows = array("I", bytes(4 * _FEWEST_SLOTS))
        self._count = 0

    def claim(self, phone_numbers: Sequence[str], rows: Iterable[int]) -> list[int]:
        """Return the row that owns each number (digits, as it goes out): its own if none did.

        It takes many at a time, in the order of the file, and has the search in it, as a call for
        each number would cost as much as the work.
        """
        self._make_room(len(phone_numbers))
        numbers, first_rows = self._numbers, self._rows
        last = len(numbers) - 1
        owners = []
        for phone_number, row in zip(phone_numbers, rows, strict=True):
            number = int(phone_number)
            slot = hash(phone_number) & last
            while (found := numbers[slot]) != number:
                if found == _FREE:
                    numbers[slot] = number
                    first_rows[slot] = row
                    self._count += 1
                    break
                slot = (slot + 1) & last
            owners.append(first_rows[slot])
        return owners

    def _make_room(self, count: int) -> None:
        """Double the tables until half of them stays free with `count` numbers more."""
        while 2 * (self._count + count) > len(self._numbers):
            numbers, rows = self._numbers, self._rows
            self._numbers = array("Q", bytes(2 * 8 * len(numbers)))
            self._rows = array("I", bytes(2 * 4 * len(rows)))
            last = len(self._numbers) - 1
            for number, row in zip(numbers, rows, strict=True):
                if number == _FREE:
                    continue
                slot = hash(str(number)) & last
                while self._numbers[slot] != _FREE:
                    slot = (slot + 1) & last
                self._numbers[slot] = number
                self._rows[slot] = row
