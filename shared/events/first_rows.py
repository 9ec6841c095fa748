"""Which row of a file has a phone number first, for files of millions of rows."""

from array import array

_FEWEST_SLOTS = 1024  # a power of two, as every size
_NO_NUMBER = 0


class FirstRows:
    """The numbers that were seen, each with the row (from 1) that owns it.

    A dict would take some 100 bytes a number. This is a hash table of two arrays, which takes 24 to
    48, so that a million numbers fit into the smallest function. A number stands in the slot that
    its hash names, or in the next one that is free.
    """

    def __init__(self) -> None:
        self._numbers = array("Q", bytes(8 * _FEWEST_SLOTS))
        self._rows = array("I", bytes(4 * _FEWEST_SLOTS))
        self._count = 0

    def claim(self, phone_number: str, row: int) -> int:
        """Return the row that owns `phone_number` (digits, as it goes out): `row`, if none did."""
        slot = self._slot_of(phone_number)
        if self._numbers[slot] != _NO_NUMBER:
            return self._rows[slot]
        self._numbers[slot] = int(phone_number)
        self._rows[slot] = row
        self._count += 1
        if 2 * self._count > len(self._numbers):  # fuller, and searches would take long
            self._grow()
        return row

    def _slot_of(self, phone_number: str) -> int:
        """Return the slot that holds `phone_number`, or else the free one where it belongs.

        Python's own hash of a text is another in each process, so that no file can be made whose
        numbers all want the same slot.
        """
        number = int(phone_number)
        last = len(self._numbers) - 1
        slot = hash(phone_number) & last
        while self._numbers[slot] not in (_NO_NUMBER, number):
            slot = (slot + 1) & last
        return slot

    def _grow(self) -> None:
        numbers, rows = self._numbers, self._rows
        self._numbers = array("Q", bytes(16 * len(numbers)))
        self._rows = array("I", bytes(8 * len(numbers)))
        for number, row in zip(numbers, rows, strict=True):
            if number != _NO_NUMBER:
                slot = self._slot_of(str(number))
                self._numbers[slot] = number
                self._rows[slot] = row
