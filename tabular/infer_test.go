package tabular

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/sqltx"
)

func text(s string) sqltx.Value { return sqltx.Value{Kind: sqltx.Text, Bytes: []byte(s)} }

func TestTypesOfTexts(t *testing.T) {
	f := func(want string, values ...string) {
		t.Helper()
		found := Inference{Texts: true}
		for _, value := range values {
			found.Add([]sqltx.Value{text(value)})
		}
		if got := found.Types(1)[0]; got != want {
			t.Errorf("%q: %s, want %s", values, got, want)
		}
	}
	f("TEXT")
	f("TEXT", "", "")
	f("INTEGER", "1", "", "-7", "0", "9223372036854775807", "-9223372036854775808")
	f("REAL", "1", "2.5")
	f("REAL", "1e3")
	f("REAL", "-0.0", "1E-7", "1.5e+300")
	for _, s := range []string{"007", "-01", "+1", "1.", ".5", "1e", "1e+", "0x10", "1 ", " 1", "1_000", "--1", "-", "NaN", "inf", "1e999",
		"9223372036854775808", "1.5.2", "1e5x", "true", "-0", "00.5", "1,5", "١"} {
		f("TEXT", s)
		f("TEXT", "1", s, "2")
	}
}

func TestTypesOfJSON(t *testing.T) {
	integer, real, blob, null := sqltx.Value{Kind: sqltx.Integer}, sqltx.Value{Kind: sqltx.Float}, sqltx.Value{Kind: sqltx.Blob}, sqltx.Value{}
	f := func(want string, values ...sqltx.Value) {
		t.Helper()
		var found Inference
		for _, value := range values {
			found.Add([]sqltx.Value{value})
		}
		if got := found.Types(1)[0]; got != want {
			t.Errorf("%v: %s, want %s", values, got, want)
		}
	}
	f("TEXT", null)
	f("INTEGER", null, integer)
	f("REAL", integer, real)
	f("TEXT", integer, text("1"))
	f("TEXT", text(""))
	f("BLOB", text("x"), blob, integer)
}

// What is taken for a number is written as the number is, so that nothing is lost.
func TestAnIntegerReadsBackAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[-+]?[0-9]{0,20}(\.[0-9]{0,3})?([eE][-+]?[0-9]{0,3})?`).Filter(func(s string) bool { return s != "" }).Draw(t, "text")
		switch numberLike([]byte(s)) {
		case sawInteger:
			if n, err := strconv.ParseInt(s, 10, 64); err != nil || strconv.FormatInt(n, 10) != s {
				t.Fatalf("%q is taken for an integer", s)
			}
		case sawReal:
			if _, err := strconv.ParseFloat(s, 64); err != nil || !strings.ContainsAny(s, ".eE") {
				t.Fatalf("%q is taken for a number", s)
			}
		}
	})
}

func TestStatements(t *testing.T) {
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	f(CreateTable(`a"b`, []string{"x", `y"]`}, []string{"TEXT", "REAL"}), `CREATE TABLE main."a""b" ("x" TEXT, "y""]" REAL)`)
	f(Insert("t", []string{"x", "y"}, []string{"INTEGER", "TEXT"}, true), `INSERT INTO main."t" ("x", "y") VALUES (nullif(?1, ''), ?2)`)
	f(Insert("t", []string{"x", "y"}, []string{"INTEGER", "TEXT"}, false), `INSERT INTO main."t" ("x", "y") VALUES (?1, ?2)`)
	for declared, numeric := range map[string]bool{
		"INT": true, "bigint": true, "POINT": true, "CHARINT": true, "VARCHAR(10)": false, "clob": false, "Text": false, "BLOB": false, "": false,
		"REAL": true, "DOUBLE PRECISION": true, "NUMERIC": true, "DECIMAL(10,5)": true, "BOOLEAN": true, "DATETIME": true, "STRING": true,
	} {
		if isNumeric(declared) != numeric {
			t.Errorf("%q: %s", declared, fmt.Sprint(!numeric))
		}
	}
}
