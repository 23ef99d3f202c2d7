package refusal

// codes are the public names of the kinds, as clients read them in an error's
// "code". Two kinds may share a code when the API gives it two statuses.
var codes = [KindEnd]string{
	InvalidParameters:          "INVALID_PARAMETERS",
	InvalidDatabasePath:        "INVALID_DB_PATH",
	DatabaseNotFound:           "DATABASE_NOT_FOUND",
	InvalidSQLiteHeader:        "INVALID_SQLITE_HEADER",
	PathIsDirectory:            "PATH_IS_DIRECTORY",
	InvalidJSONValue:           "INVALID_JSON_VALUE",
	SQLError:                   "SQL_ERROR",
	SQLBindError:               "SQL_BIND_ERROR",
	UnknownField:               "UNKNOWN_FIELD",
	ValuesConflict:             "VALUES_CONFLICT",
	Unauthorized:               "UNAUTHORIZED",
	Forbidden:                  "FORBIDDEN",
	NotFound:                   "NOT_FOUND",
	KeyNotFound:                "KEY_NOT_FOUND",
	KeyExpired:                 "KEY_EXPIRED",
	HistoryEntryNotFound:       "HISTORY_ENTRY_NOT_FOUND",
	DatabaseMissing:            "DATABASE_NOT_FOUND",
	MethodNotAllowed:           "METHOD_NOT_ALLOWED",
	Conflict:                   "CONFLICT",
	DatabaseExists:             "DATABASE_EXISTS",
	SQLConstraint:              "SQL_CONSTRAINT",
	DatabaseReadOnly:           "DATABASE_READONLY",
	TimeTravelChainGap:         "TIME_TRAVEL_CHAIN_GAP",
	ChangeCursorExpired:        "CHANGE_CURSOR_EXPIRED",
	ChangeCursorInvalid:        "CHANGE_CURSOR_INVALID",
	PreconditionFailed:         "PRECONDITION_FAILED",
	PayloadTooLarge:            "PAYLOAD_TOO_LARGE",
	ResponseTooLarge:           "RESPONSE_TOO_LARGE",
	IdempotentResponseTooLarge: "IDEMPOTENT_RESPONSE_TOO_LARGE",
	IdempotencyKeyMismatch:     "IDEMPOTENCY_KEY_MISMATCH",
	RateLimited:                "RATE_LIMITED",
	Internal:                   "INTERNAL_ERROR",
	DatabaseError:              "DATABASE_ERROR",
	FileSystemError:            "FILE_SYSTEM_ERROR",
	DeleteIncomplete:           "DELETE_INCOMPLETE",
	Unavailable:                "SERVICE_UNAVAILABLE",
	RequestTimeout:             "REQUEST_TIMEOUT",
	DatabaseBusy:               "DATABASE_BUSY",
}

// Code is the kind's public name, such as KEY_NOT_FOUND.
func (k Kind) Code() string {
	if k >= KindEnd {
		return codes[Internal]
	}
	return codes[k]
}
