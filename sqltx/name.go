package sqltx

import "strings"

// QuoteName writes a name of any letters but NUL so that SQL reads it as it is.
func QuoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// FoldName is a name as SQLite compares it: letters of ASCII are alike in both cases.
func FoldName(name string) string {
	return strings.Map(func(letter rune) rune {
		if letter >= 'A' && letter <= 'Z' {
			letter += 'a' - 'A'
		}
		return letter
	}, name)
}
