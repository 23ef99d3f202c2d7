package server

import (
	"strings"

	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/past"
	"github.com/urlite/urlite/refusal"
)

// rollbackKey takes back the newest entries of the key.
func rollbackKey(q *request) error {
	if why := kv.CheckKey(q.key, &q.server.config.Limits); why != nil {
		return why
	}
	steps, err := q.integer("steps", 1)
	if err != nil {
		return err
	}
	if steps < 1 || steps > past.UndoMax {
		return refusal.Newf(refusal.InvalidParameters, "steps must be from 1 to %d, not %d", past.UndoMax, steps)
	}
	return q.write(func(call *catalog.Call) { call.Undo = &catalog.Undo{Key: q.key, Steps: steps} })
}

// write does what is no operation on a row, and takes no conditions.
func (q *request) write(what func(call *catalog.Call)) error {
	if err := refuseConditions(q, nil); err != nil {
		return err
	}
	call, err := q.newCall()
	if err != nil {
		return err
	}
	defer call.Release()
	what(call)
	if err := q.commit(call); err != nil {
		return err
	}
	q.answerCall(call)
	return nil
}

// rollbackTable makes the table what it was in a second, or shows what that would do: only
// who confirms it, and asks for no dry run, has it done.
func rollbackTable(q *request) error {
	second, err := q.second("to_timestamp")
	if err != nil {
		return err
	}
	dry, err := q.flag("dry_run", false)
	if err != nil {
		return err
	}
	if err := refuseConditions(q, nil); err != nil {
		return err
	}
	wanted, err := q.rollbackBody()
	if err != nil {
		return err
	}
	wanted.Until = untilEndOf(second)
	if dry || string(q.argument("confirm")) != "yes" {
		return aboutTable(q.preview(second, wanted))
	}
	return aboutTable(q.write(func(call *catalog.Call) {
		call.Return = &catalog.Return{Return: *wanted, To: second}
	}))
}

// aboutTable words a refusal that is not about one key: what it says becomes its message.
func aboutTable(err error) error {
	why := refusal.Of(err)
	if why == nil || why.Kind != refusal.TimeTravelChainGap {
		return err
	}
	message := jsontext.AppendString([]byte(`,"message":`), why.Text)
	return refusal.New(why.Kind, why.Kind.Code()).With(string(message) + why.Facts)
}

// rollbackBody reads which keys to look at.
func (q *request) rollbackBody() (*past.Return, error) {
	wanted := &past.Return{}
	body, err := q.body()
	if err != nil {
		return nil, err
	}
	body = jsontext.Trim(body)
	if len(body) == 0 {
		return wanted, nil
	}
	if !isJSON(body) || body[0] != '{' {
		return nil, invalidJSONBody
	}
	for quoted, list := range jsontext.Fields(body) {
		if jsonAbsent(list) {
			continue
		}
		switch name := string(jsontext.Unquote(quoted)); name {
		case "keys":
			keys, err := q.keyList(name, list)
			if err != nil {
				return nil, err
			}
			wanted.Keys = keys
		case "exclude_keys":
			keys, err := q.keyList(name, list)
			if err != nil {
				return nil, err
			}
			wanted.Exclude = make(map[string]bool, len(keys))
			for _, key := range keys {
				wanted.Exclude[key] = true
			}
		default: // it may be a filter, misspelled
			return nil, refusal.Newf(refusal.UnknownField, "unknown field %.64q", name)
		}
	}
	return wanted, nil
}

// keyList reads a list of keys. One without any is a list, and not its absence.
func (q *request) keyList(name string, list []byte) ([]string, error) {
	if list[0] != '[' {
		return nil, invalidJSONBody
	}
	keys := []string{}
	for raw := range jsontext.Elements(list) {
		if len(keys) == keysMax {
			return nil, tooManyKeys(name)
		}
		key, why := jsonText("key", raw)
		if why == nil {
			why = kv.CheckKey(key, &q.server.config.Limits)
		}
		if why != nil {
			return nil, inList(name, len(keys), why)
		}
		keys = append(keys, strings.Clone(key)) // a preview may outlive the request
	}
	return keys, nil
}
