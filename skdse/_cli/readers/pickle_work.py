"""What a pickle would take, found without unpickling it.

A few bytes can ask for very much: a tuple that has another one twice, which has another
one twice, and so on, is hashed for hours as the key of a dictionary; a long tuple is
copied by each call. So the machine of the pickle is run once with weights in place of
objects. The weight of an object is how many there are in it, one by one, as far as it
can be a key: lists and dictionaries cannot.
"""

import pickletools
from pickletools import markobject

# Tuples, dictionaries, tensors: some six for each tensor.
MOST_OBJECTS = 300_000
# Weights of what is hashed and of arguments: some 80 for each tensor.
MOST_WORK, HEAVIEST = 20_000_000, 10**9
MAKES_TUPLES = {"EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "FROZENSET"}
CALLS = {"REDUCE", "OBJ", "INST", "NEWOBJ", "NEWOBJ_EX", "BINPERSID"}
HASHES = {"DICT", "SETITEM", "SETITEMS", "ADDITEMS", "FROZENSET", "BUILD"}
FILLS = {"APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS", "BUILD"}
MAKES_OBJECTS = {
    *("EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET", "LIST", "DICT", "BUILD"),
    *("GLOBAL", "STACK_GLOBAL", *MAKES_TUPLES, *CALLS),
}
TOO_MANY = "its pickle makes too many objects for a file of tensors."
DAMAGED = "its pickle is damaged."
MARK = None


def check_work(content, check_name):
    """Raise where a pickle would make more objects than tensors need, or larger ones.

    The function gets each module and name, and raises where it is not known.
    """
    machine, n_objects, work = _Machine(), 0, 0
    for opcode, argument, _ in pickletools.genops(content):
        n_objects += opcode.name in MAKES_OBJECTS
        if opcode.name == "GLOBAL":
            check_name(*argument.split(" ", 1))
        # The unpickler keeps a list as long as the largest number of a memo.
        is_far = opcode.name.endswith("PUT") and int(argument) > MOST_OBJECTS * 4
        work += machine.step(opcode, argument)
        if n_objects > MOST_OBJECTS or is_far or work > MOST_WORK:
            raise ValueError(TOO_MANY)


class _Machine:
    """Stack and memo of the machine of a pickle, with weights in place of objects."""

    def __init__(self):
        self.stack, self.memo = [], {}

    def step(self, opcode, argument):
        """Do what an opcode does; the weight of what it hashes or passes on."""
        name = opcode.name
        if name.endswith("PUT") or name == "MEMOIZE":
            place = len(self.memo) if name == "MEMOIZE" else int(argument)
            self.memo[place] = self._top()
            return 0
        if name.endswith("GET"):
            self.stack.append(self.memo.get(int(argument), 1))
        elif name == "DUP":
            self.stack.append(self._top())
        elif name == "MARK":
            self.stack.append(MARK)
        elif name == "POP" and self.stack and self.stack[-1] is MARK:
            self.stack.pop()
        else:
            return self._made(opcode, argument)
        return 0

    def _made(self, opcode, argument):
        """Take what an opcode takes, and put what it makes of it."""
        name, taken = opcode.name, self._taken(opcode.stack_before)
        weight = min(sum(taken), HEAVIEST)
        if name in FILLS:
            self.stack.append(taken[-1])
        elif name in MAKES_TUPLES or name in CALLS:
            self.stack.append(weight + 1)
        else:
            # Of a number its digits count; a long one is hashed anew each time.
            digits = argument.bit_length() // 64 if type(argument) is int else 0
            self.stack += [1 + digits] * len(opcode.stack_after)
        return weight if name in HASHES or name in CALLS else 0

    def _taken(self, before):
        """Weights that an opcode takes from the stack, the first one last."""
        n, taken = len(before), []
        if markobject in before:
            n = before.index(markobject)
            while self._top(MARK) is not MARK:
                taken.append(self.stack.pop())
            self.stack.pop()
        for _ in range(n):
            taken.append(self._top())
            self.stack.pop()
        return taken

    def _top(self, *allowed):
        """Weight at the top of the stack, or raise where there is none."""
        if not self.stack or (self.stack[-1] is MARK and MARK not in allowed):
            raise ValueError(DAMAGED)
        return self.stack[-1]
