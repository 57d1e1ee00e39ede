// One header for the module map: everything LevelDB offers to C.
#include <leveldb/c.h>
