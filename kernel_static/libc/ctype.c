/* Classes of ASCII characters, as in the C locale (C11 7.4). */
#include <ctype.h>

int isdigit(int character) { return character >= '0' && character <= '9'; }

int islower(int character) { return character >= 'a' && character <= 'z'; }

int isupper(int character) { return character >= 'A' && character <= 'Z'; }

int isalpha(int character) { return islower(character) || isupper(character); }

int isalnum(int character) { return isalpha(character) || isdigit(character); }

int isgraph(int character) { return character > ' ' && character < 0x7f; }

int isprint(int character) { return character >= ' ' && character < 0x7f; }

int iscntrl(int character) { return (character >= 0 && character < ' ') || character == 0x7f; }

int ispunct(int character) { return isgraph(character) && !isalnum(character); }

int isspace(int character) { return character == ' ' || (character >= '\t' && character <= '\r'); }

int isxdigit(int character) {
    int lower = character | 0x20;
    return isdigit(character) || (lower >= 'a' && lower <= 'f');
}

int tolower(int character) { return isupper(character) ? character + ('a' - 'A') : character; }

int toupper(int character) { return islower(character) ? character - ('a' - 'A') : character; }
