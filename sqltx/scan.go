package sqltx

import "strings"

// SkipBlank drops what no statement begins with: white space, byte order marks,
// semicolons and comments. A comment that is never closed takes everything with it, as in
// SQLite. The rest is empty or begins with something to prepare.
func SkipBlank(sql string) string {
	for {
		sql = strings.TrimLeft(sql, " \t\n\f\r;\ufeff")
		n := commentLen(sql)
		if n == 0 {
			return sql
		}
		sql = sql[n:]
	}
}

// FirstWord is the word that the first statement begins with, in the case it
// was written in; empty if it begins with something else.
func FirstWord(sql string) string {
	sql = SkipBlank(sql)
	end := 0
	for end < len(sql) && isWordByte(sql[end]) {
		end++
	}
	return sql[:end]
}

// AfterStatement is what follows the first statement: all behind the first
// semicolon that is neither in a quoted text nor in a comment. It cannot tell
// that the semicolons within a CREATE TRIGGER end nothing.
func AfterStatement(sql string) string {
	sql = SkipBlank(sql)
	for i := 0; i < len(sql); {
		switch sql[i] {
		case ';':
			return sql[i+1:]
		case '\'', '"', '`':
			i += quotedLen(sql[i:], sql[i])
		case '[':
			i += quotedLen(sql[i:], ']')
		default:
			i += max(1, commentLen(sql[i:]))
		}
	}
	return ""
}

// quotedLen is the length of the quoted text that sql begins with. A doubled
// quote reads as two texts side by side, which end where the one does.
func quotedLen(sql string, quote byte) int {
	if end := strings.IndexByte(sql[1:], quote); end >= 0 {
		return end + 2
	}
	return len(sql)
}

// commentLen is the length of the comment that sql begins with, or 0.
func commentLen(sql string) int {
	switch {
	case strings.HasPrefix(sql, "--"):
		if end := strings.IndexByte(sql, '\n'); end >= 0 {
			return end + 1
		}
		return len(sql)
	case strings.HasPrefix(sql, "/*"):
		if end := strings.Index(sql[2:], "*/"); end >= 0 {
			return end + 4
		}
		return len(sql)
	}
	return 0
}

// isWordByte is whether a keyword or a name goes on with c.
func isWordByte(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 ||
		c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}
