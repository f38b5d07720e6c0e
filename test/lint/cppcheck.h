/* make lint: what cppcheck, which does not read the headers of the server, is to know of them: what ends a function, and what holds. */
#define PG_VERSION_NUM 150000
#define DEBUG1 14
#define LOG 15
#define NOTICE 18
#define WARNING 19
#define ERROR 21
#define Assert(condition) do { if (!(condition)) abort(); } while (0)
#define ereport(level, ...) do { (void) (__VA_ARGS__); if ((level) >= ERROR) abort(); } while (0)
#define elog(level, ...) do { (void) (__VA_ARGS__); if ((level) >= ERROR) abort(); } while (0)
#define pg_noreturn __attribute__((noreturn))
